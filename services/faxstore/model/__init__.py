"""The rules of FAX mail settings and of single faxes."""
