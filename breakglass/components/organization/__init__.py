"""Components of an organization: the hub, its spokes, and the roll call."""
