"""The use cases of the functions, in terms of the domain and over the ports.

Non-goals: calls of AWS and Slack (see `aws`), and the look of messages (see `slack`).
"""
