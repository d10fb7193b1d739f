"""The groups of pages, a module each with `blueprint(site)`. What is shown stands in the group's templates."""
