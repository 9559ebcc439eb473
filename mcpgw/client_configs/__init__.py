"""What to paste into which client app. Pure: text in, text out, no file is touched."""
