"""The stage ``evaluate``: metrics of the trained model on every split."""
