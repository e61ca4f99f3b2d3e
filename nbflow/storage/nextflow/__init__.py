"""Nextflow's formats: task entries, traces, history, index."""
