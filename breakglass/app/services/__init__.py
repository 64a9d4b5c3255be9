"""What the functions do, in terms of the domain and over the ports.

Non-goals: how a service is spoken to (see `aws`), and what a message looks like (see `slack`).
"""
