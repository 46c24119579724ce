"""Networks, a file each. Their sizes are checked against what their authors published."""
