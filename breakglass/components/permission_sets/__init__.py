"""The components in the account that owns Identity Center: permission sets, their policies and assignments."""
