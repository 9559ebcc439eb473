"""The aiohttp application: a door. Never decides, never stores."""
