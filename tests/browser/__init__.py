"""The site in a real browser: every page in every state, and walks of customers from the telephone to the logout."""
