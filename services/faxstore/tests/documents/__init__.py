"""Documents made by code: pictures, faxes and PDFs that are good, and a corpus of those that are not."""
