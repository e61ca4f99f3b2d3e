"""Reports on a run: the HTML report, the timeline, the DAG and Nextflow's trace file.

Rows of tasks in, texts out: what is written needs no network, no kernel and no library to be read. Alone decides how a
run is summed up and drawn. Changes nothing, and knows neither the command line nor the notebook.
"""
