"""What people see across all of it: overview, snapshot, PDFs."""
