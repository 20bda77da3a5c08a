"""What can be asked: fields, kinds of reports, and the days they cover."""
