"""The rules of notify: `notice` when a mail is owed, `mail` how it is delivered, `letters` what it says."""
