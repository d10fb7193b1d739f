"""The rules of auth: `contract` what is contracted, `keyring` which API keys there are."""
