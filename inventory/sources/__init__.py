"""Reading what people bring: files of certificates, archives, tables."""
