"""The server: a selectors loop that owns every socket (`loop`), and the QThread it runs in (`thread`)."""
