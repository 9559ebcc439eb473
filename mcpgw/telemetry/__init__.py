"""What leaves the gateway about itself: anchors, alerts, traces. Never a payload or a secret."""
