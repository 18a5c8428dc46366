"""What happens to predictions besides the answer: splits, shadow copies, the sample log.

- options: parsing ``--split``, ``--shadow`` and the options of the sample log
- counters: their metrics
- choice: which version answers a request that names none
- backlog: a bounded queue from the event loop to a thread
- comparison, shadow: copies of requests to another version, and whether it agrees
- sample_rows, sample_files, sample_log: sampled predictions as Parquet files
- traffic: all of them together
"""
