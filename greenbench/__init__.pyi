from greenbench.results import Results as Results
from greenbench.results import open_results as open_results

__version__: str
