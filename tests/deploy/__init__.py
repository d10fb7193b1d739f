"""The manifests, as `kubectl kustomize` builds them: valid, closed, and true to the code."""
