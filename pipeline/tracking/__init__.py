"""Tracking of runs in MLflow, on which no run depends.

A run appends what is tracked to a journal in ``runs/tracking/``. A process of its own sends it, and
``pipeline track sync`` sends the rest. Only that process imports MLflow. ``api``, ``cli`` and
``commands`` import this room.
"""
