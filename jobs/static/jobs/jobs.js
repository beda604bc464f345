// Jobdesk: what the pages do beyond HTML. Everything works without it.
