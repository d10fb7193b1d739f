// Makes the replica set and the users of the services. Changes nothing that is there already but passwords.
const host = "mongodb-0.mongodb:27017";
const own = (database) => [{ role: "readWrite", db: database }];

function connected() {
  const admin = encodeURIComponent(process.env.ADMIN) + ":" + encodeURIComponent(process.env.ADMIN_PASSWORD);
  for (;;) {
    try {
      return connect(`mongodb://${admin}@${host}/admin?directConnection=true&serverSelectionTimeoutMS=3000`);
    } catch (error) {
      print(`waiting for MongoDB: ${error.codeName || error.name}`);
      sleep(1000);
    }
  }
}

db = connected();
try {
  rs.initiate({ _id: "rs0", members: [{ _id: 0, host }] });
} catch (error) {
  if (error.codeName !== "AlreadyInitialized") throw error;
}
while (!db.hello().isWritablePrimary) sleep(200);

for (const [name, password] of Object.entries(process.env)) {
  if (!name.startsWith("PASSWORD_")) continue;
  const service = name.slice("PASSWORD_".length);
  const place = db.getSiblingDB(service);
  if (place.getUser(service)) place.updateUser(service, { pwd: password, roles: own(service) });
  else place.createUser({ user: service, pwd: password, roles: own(service) });
  print(`user ${service} may use the database ${service}`);
}
