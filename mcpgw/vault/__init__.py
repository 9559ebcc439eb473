"""Sealing. The only importer of cryptography and keyring."""
