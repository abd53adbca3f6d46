"""The product beside Postfix, on one machine, in one run."""
