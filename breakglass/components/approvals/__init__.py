"""The approval workflow's deployment side: its resources, and what is compiled from the stack file for them.

Non-goals: what runs in AWS is in `breakglass.app`; the section of the stack file is in `breakglass.stack_file`.
"""
