"""IAM policies of those who deploy, and the tags of what they deployed."""
