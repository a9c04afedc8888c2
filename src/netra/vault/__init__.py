"""Secrets of users: sealed where they are kept, open only in their owner's runs, and masked in all that those write."""
