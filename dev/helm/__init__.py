"""Helm, of which the chart's tests need one."""
