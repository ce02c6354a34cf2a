"""Recipes for DICOM files: one module per subject, each with make(catalogue)."""
