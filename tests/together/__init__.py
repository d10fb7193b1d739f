"""Several services in one process, as no service's own tests may have them."""
