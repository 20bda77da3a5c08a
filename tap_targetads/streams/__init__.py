"""The streams: reports, and the meta data of projects."""
