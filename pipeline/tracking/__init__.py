"""Tracking of runs in MLflow, without a dependency of the run on it.

A run appends what is tracked to a journal in ``runs/tracking/``. A process of its own sends it, and
``pipeline track sync`` sends the rest. Only ``mlflow_client`` imports MLflow. ``api`` and ``cli``
import this room.
"""
