"""The pages of what is known now: certificates, endpoints, issuers, search, exports."""
