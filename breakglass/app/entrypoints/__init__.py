"""One module for each Lambda function; it builds the context once and calls a service."""
