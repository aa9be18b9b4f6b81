"""The laws that a model and its parts obey, as functions; the planted bugs that prove the laws awake.

``certificate.certify`` runs them on a trained model, the tests run them over every member of every family.
A gradient check only shows that ``backward`` is the derivative of ``forward``. Whether ``forward`` is the
right model is the business of the moments, the normalisation and the bounds.
"""
