"""Parts of this project's own that settings name: custom.data, custom.task, custom.model.

An example to change or to delete: `mlops train task=custom data=custom model=custom`.
"""
