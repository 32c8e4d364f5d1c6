"""IAM policies of deployers, and the tags of deployed resources."""
