"""Every sentence the bot says is a function in this package; nothing here touches the world."""
