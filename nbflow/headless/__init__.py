"""Running a notebook without a front end; stands beside the command line, above all floors but the notebook's."""
