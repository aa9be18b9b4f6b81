"""Models for other programs: a folder with a card, and ONNX. How-to: docs/export.md."""
