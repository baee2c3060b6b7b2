"""What releases are made of: pinned by digest and hash, listed with licences."""
