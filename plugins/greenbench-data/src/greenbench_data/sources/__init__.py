"""How data sets come to a host: downloaded or from a folder, checked, and written as npy files."""
