"""The site: pages that people see, made on the server. `README.md` of the gateway says how to add one.

It keeps nothing of its own: whoever is logged in is known by auth's session, and what was typed travels with the form
(docs/adr/0017-the-site-keeps-nothing.md).
"""
