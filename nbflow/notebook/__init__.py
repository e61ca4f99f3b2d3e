"""The face: magics, progress, replay. The only floor that knows IPython and ipywidgets."""
