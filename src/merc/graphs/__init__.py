"""Graphs of ONNX: written from torch, read with care, and run."""
