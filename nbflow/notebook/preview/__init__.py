"""A notebook's preview: what a run of it would do, with nothing run and nothing written (``nbflow run --preview``)."""
