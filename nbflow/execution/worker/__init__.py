"""Inside the worker: one Python task, from its work directory to its outputs. Loads neither IPython nor the database."""
