"""Documents made from frozen data: they touch neither the database nor a request."""
