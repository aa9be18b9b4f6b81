"""What an objective may need of a model, and what to say where the model lacks it.

``specs.check_together`` knows which model has what; {posterior}, {prior} and {known} are filled in there.
"""

from __future__ import annotations

NEEDS = {
    "density": "it reads log q(z given x), and posterior {posterior!r} has no density: take objective "
    "'reconstruction' for a plain autoencoder, or a posterior such as 'diagonal'",
    "point": "without a KL nothing keeps the codes of posterior {posterior!r} near the prior, nor sigma above 0: "
    "take posterior 'point' for a plain autoencoder, or objective 'elbo', whose beta may be small",
    "pathwise": "it drops the score of q, which posterior {posterior!r} cannot take apart from the way through z: "
    "take objective 'iwae', or 'elbo' for one sample",
    "closed_kl": "the KL of posterior {posterior!r} to prior {prior!r} has no closed form (there is one for {known}): "
    "set kl to 'sampled' or 'auto'",
    "kl_of_dimensions": "it needs the KL of every dimension, and the KL of posterior {posterior!r} to prior {prior!r} "
    "has no closed form (there is one for {known}): take objective 'capacity', which needs the whole KL only",
    "diagonal": "it reads q(z_l given x) of every dimension from mu and logvar, and posterior {posterior!r} is not "
    "diagonal: take posterior 'diagonal', or objective 'elbo' with a beta",
    "standard_normal": "it is written for the prior N(0, I), and this prior is {prior!r}: take prior "
    "'standard_normal', or objective 'elbo'",
}
